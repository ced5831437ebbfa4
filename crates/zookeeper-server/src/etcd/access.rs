//! Where etcd is, how it is spoken to, and as whom: what was set, checked, and made ready to connect.
//!
//! Not here: where the settings come from (the command line), calls ([`super::Etcd`]).

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::credentials::Credentials;

/// How long a member may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(1);
/// How often a connection is tried.
const PROBE: Duration = Duration::from_secs(1);
/// How long the answer to that may take.
const PROBED: Duration = Duration::from_secs(2);

/// Where etcd is and how to speak to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EtcdSettings {
    /// URLs of members, `http://` or `https://`.
    pub endpoints: Vec<String>,
    /// PEM of the authority that signed etcd's certificates.
    pub ca: Option<Vec<u8>>,
    /// PEM of our certificate and its key.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The user we are to etcd, and the password.
    pub user: Option<(String, String)>,
}

/// etcd cannot be spoken to as asked.
#[derive(Debug, thiserror::Error)]
#[error("--etcd {endpoint:?}: {why}")]
pub struct InvalidEndpoint {
    endpoint: String,
    why: String,
}

pub(super) struct Member {
    pub(super) url: String,
    pub(super) channel: Channel,
}

/// A connection to each member, which is opened when it is first needed, and who we are to them.
pub(super) struct Access {
    pub(super) members: Vec<Member>,
    pub(super) credentials: Option<Credentials>,
}

impl Access {
    /// Checks what was given; opens nothing yet.
    pub(super) fn new(settings: &EtcdSettings) -> Result<Self, InvalidEndpoint> {
        let refuse = |endpoint: &str, why: String| InvalidEndpoint {
            endpoint: endpoint.to_owned(),
            why,
        };
        let mut members = Vec::new();
        for url in &settings.endpoints {
            let secure = url.starts_with("https://");
            if !secure && !url.starts_with("http://") {
                return Err(refuse(
                    url,
                    "must be a URL, such as http://127.0.0.1:2379".to_owned(),
                ));
            }
            let uri: http::Uri = url
                .parse()
                .map_err(|error| refuse(url, format!("is not a URL: {error}")))?;
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            let port = authority.rsplit_once(':').map(|(_, port)| port);
            let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number > 0);
            if port.is_some_and(|port| !port.ends_with(']') && !is_port(port)) {
                let why = "has no port from 1 to 65535; for example http://127.0.0.1:2379";
                return Err(refuse(url, why.to_owned()));
            }
            if !matches!(uri.path(), "" | "/") {
                let why = "has a path, which etcd does not; for example http://127.0.0.1:2379";
                return Err(refuse(url, why.to_owned()));
            }
            if !secure && (settings.ca.is_some() || settings.identity.is_some()) {
                let why = "is without TLS, so that certificates mean nothing; say https://";
                return Err(refuse(url, why.to_owned()));
            }
            let mut endpoint = Endpoint::from(uri)
                .connect_timeout(CONNECT)
                .http2_keep_alive_interval(PROBE)
                .keep_alive_timeout(PROBED)
                .keep_alive_while_idle(true)
                .tcp_nodelay(true);
            if secure {
                let mut tls = ClientTlsConfig::new();
                match &settings.ca {
                    Some(ca) if is_certificate(ca) => {
                        tls = tls.ca_certificate(Certificate::from_pem(ca));
                    }
                    Some(_) => {
                        let why = "--etcd-cacert FILE (or ca.crt in --etcd-secret) holds no certificate in PEM";
                        return Err(refuse(url, why.to_owned()));
                    }
                    None => {
                        return Err(refuse(
                            url,
                            "needs --etcd-cacert FILE (or ca.crt in --etcd-secret), the authority that signed its certificate"
                                .to_owned(),
                        ));
                    }
                }
                if let Some((certificate, key)) = &settings.identity {
                    tls = tls.identity(Identity::from_pem(certificate, key));
                }
                endpoint = endpoint
                    .tls_config(tls)
                    .map_err(|error| refuse(url, format!("TLS: {error}")))?;
            }
            members.push(Member {
                url: url.clone(),
                channel: endpoint.connect_lazy(),
            });
        }
        if members.is_empty() {
            return Err(refuse(
                "",
                "at least one URL is needed, such as http://127.0.0.1:2379".to_owned(),
            ));
        }
        Ok(Self {
            members,
            credentials: settings.user.clone().map(Credentials::new),
        })
    }

    pub(super) fn member(&self, index: usize) -> &Member {
        &self.members[index % self.members.len()]
    }
}

/// Whether there is a certificate, and nothing that looks like one and is none.
fn is_certificate(pem: &[u8]) -> bool {
    let mut certificates = CertificateDer::pem_slice_iter(pem).peekable();
    certificates.peek().is_some()
        && certificates
            .all(|certificate| certificate.is_ok_and(|der| X509Certificate::from_der(&der).is_ok()))
}
