//! One HTTP GET, as the kubelet sends it: no connection kept, certificates not verified.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::HTTPGetAction;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The status of the answer.
pub(crate) async fn get(ip: IpAddr, port: u16, action: &HTTPGetAction) -> Result<u16, String> {
    let scheme = match action.scheme.as_deref() {
        Some("HTTPS") => "https",
        _ => "http",
    };
    let text = |error: &dyn std::fmt::Display| format!("Get {scheme}://{ip}:{port}: {error}");
    let tcp = TcpStream::connect((ip, port))
        .await
        .map_err(|error| text(&error))?;
    if scheme == "https" {
        let connector = TlsConnector::from(client_config());
        let tls = connector
            .connect(ServerName::IpAddress(ip.into()), tcp)
            .await
            .map_err(|error| text(&error))?;
        exchange(tls, ip, port, action).await
    } else {
        exchange(tcp, ip, port, action).await
    }
    .map_err(|error| text(&error))
}

/// What came of a connection that went before it answered: its process ended, or another one listens by now.
const NO_ANSWER: &str = "the connection ended before an answer came";

async fn exchange<S>(
    stream: S,
    ip: IpAddr,
    port: u16,
    action: &HTTPGetAction,
) -> Result<u16, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let path = action
        .path
        .as_deref()
        .filter(|path| path.starts_with('/'))
        .unwrap_or("/");
    let mut request = Request::get(path)
        .header(header::USER_AGENT, "kube-probe/klamm")
        .header(header::CONNECTION, "close");
    let mut host = format!("{ip}:{port}");
    for header in action.http_headers.iter().flatten() {
        if header.name.eq_ignore_ascii_case("host") {
            header.value.clone_into(&mut host);
        } else {
            request = request.header(&header.name, &header.value);
        }
    }
    let request = request
        .header(header::HOST, host)
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let answer = async {
        sender
            .send_request(request)
            .await
            .map(|answer| answer.status().as_u16())
    };
    let connection = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    // The connection moves the bytes; it is dropped with the answer.
    tokio::select! {
        status = answer => status.map_err(|error| {
            let ended = error.is_canceled() || error.is_closed() || error.is_incomplete_message();
            match std::error::Error::source(&error) {
                _ if ended => NO_ANSWER.to_owned(),
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            }
        }),
        () = connection => Err(NO_ANSWER.to_owned()),
    }
}

fn client_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the default protocol versions");
        Arc::new(
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate))
                .with_no_client_auth(),
        )
    });
    Arc::clone(config)
}

/// A probe asks whether something answers, not who; the kubelet does not verify either.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn a_connection_that_ends_without_an_answer_is_told_as_that() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for asked in [0, 1] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = [0; 16];
                let _ = stream.read(&mut bytes[..asked]).await;
            }
        });
        let action = HTTPGetAction {
            port: IntOrString::Int(i32::from(address.port())),
            ..HTTPGetAction::default()
        };
        for _ in 0..2 {
            let told = get(address.ip(), address.port(), &action)
                .await
                .unwrap_err();
            assert!(
                told.starts_with(&format!("Get http://{address}: ")),
                "{told}"
            );
            // Reset instead of closed, if the request was on its way.
            assert!(
                told.contains("ended before an answer") || told.contains("reset"),
                "{told}"
            );
        }
    }
}
