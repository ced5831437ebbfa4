//! From an endpoint to a connection: TCP, TLS, versions, SASL, in this order.
//!
//! Versions come before SASL, since the version of the SASL requests is negotiated as well.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::driver::{self, Limits, broken, take_frame};
use super::{Connection, Settings, Shared, sasl};
use crate::endpoint::Endpoint;
use crate::error::Cause;
use crate::error_code::ErrorCode;
use crate::fault::{Fault, FaultPoint};
use crate::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};
use crate::tls::Tls;
use crate::wire::{Message as _, Request, decode_response, encode_request};

pub(super) async fn dial(endpoint: &Endpoint, settings: &Settings) -> Result<Connection, Cause> {
    match settings.faults.at(FaultPoint::Dial { endpoint }) {
        None => {}
        Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
        Some(Fault::Refuse | Fault::LoseReply) => {
            return Err(Cause::Dial(Arc::new(io::Error::from(
                io::ErrorKind::ConnectionRefused,
            ))));
        }
    }
    if let Some(stream) = settings.network.connect(endpoint.address) {
        return open(
            stream.map_err(|error| Cause::Dial(Arc::new(error)))?,
            endpoint,
            settings,
        )
        .await;
    }
    let tcp = TcpStream::connect(endpoint.address)
        .await
        .map_err(|error| Cause::Dial(Arc::new(error)))?;
    tcp.set_nodelay(true)
        .map_err(|error| Cause::Dial(Arc::new(error)))?;
    match &settings.tls {
        None => open(tcp, endpoint, settings).await,
        Some(tls) => open(handshake(tcp, endpoint, tls).await?, endpoint, settings).await,
    }
}

async fn handshake(
    tcp: TcpStream,
    endpoint: &Endpoint,
    tls: &Tls,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Cause> {
    let name = ServerName::try_from(endpoint.server_name.clone()).map_err(|_| {
        Cause::Input(format!(
            "{:?} is neither a DNS name nor an IP address",
            endpoint.server_name
        ))
    })?;
    let connector = TlsConnector::from(Arc::clone(&tls.client));
    connector
        .connect(name, tcp)
        .await
        .map_err(|error| Cause::Tls(Arc::new(error)))
}

/// A stream before its driver: one request at a time.
pub(super) struct Opening<'a, S> {
    stream: S,
    settings: &'a Settings,
    versions: BTreeMap<i16, (i16, i16)>,
    next_id: i32,
}

async fn open<S>(stream: S, endpoint: &Endpoint, settings: &Settings) -> Result<Connection, Cause>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut opening = Opening {
        stream,
        settings,
        versions: BTreeMap::new(),
        next_id: 0,
    };
    let api_versions = opening.learn_versions().await?;
    let lifetime = match &settings.sasl {
        Some(sasl) => sasl::authenticate(&mut opening, sasl).await?,
        None => None,
    };
    let Opening {
        stream,
        versions,
        next_id,
        ..
    } = opening;
    let (jobs, queue) = mpsc::channel(settings.max_in_flight.max(1));
    let abort = Arc::new(Notify::new());
    let limits = Limits {
        max_frame_bytes: settings.max_frame_bytes,
        max_in_flight: settings.max_in_flight.max(1),
    };
    tokio::spawn(driver::drive(stream, queue, Arc::clone(&abort), limits));
    Ok(Connection {
        shared: Arc::new(Shared {
            endpoint: endpoint.clone(),
            settings: settings.clone(),
            jobs,
            abort,
            is_given_up: AtomicBool::new(false),
            next_id: AtomicI32::new(next_id),
            versions,
            api_versions,
            expires: lifetime.map(|lifetime: Duration| Instant::now() + lifetime.mul_f64(0.85)),
        }),
    })
}

impl<S: AsyncRead + AsyncWrite + Unpin> Opening<'_, S> {
    /// Asks for the broker's versions: in our newest way first, then in one that the broker names.
    async fn learn_versions(&mut self) -> Result<ApiVersionsResponse, Cause> {
        let mut version = *ApiVersionsRequest::VERSIONS.end();
        let mut response = self.ask_versions(version).await?;
        if ErrorCode::from_code(response.error_code) == ErrorCode::UnsupportedVersion {
            let theirs = response
                .api_keys
                .iter()
                .find(|api| api.api_key == ApiKey::ApiVersions as i16);
            version = theirs
                .map_or(0, |api| api.max_version)
                .clamp(0, version.saturating_sub(1));
            response = self.ask_versions(version).await?;
        }
        Cause::check(response.error_code, None)?;
        self.versions = response
            .api_keys
            .iter()
            .map(|api| (api.api_key, (api.min_version, api.max_version)))
            .collect();
        Ok(response)
    }

    async fn ask_versions(&mut self, version: i16) -> Result<ApiVersionsResponse, Cause> {
        let request = ApiVersionsRequest {
            client_software_name: if version >= 3 {
                "klamm".to_owned()
            } else {
                String::new()
            },
            client_software_version: if version >= 3 {
                env!("CARGO_PKG_VERSION").to_owned()
            } else {
                String::new()
            },
        };
        let frame = self.exchange(request, version).await?;
        // A broker that does not know the version answers in version 0.
        let unsupported =
            frame.get(4..6) == Some(&ErrorCode::UnsupportedVersion.code().to_be_bytes());
        let version = if unsupported { 0 } else { version };
        let wire = |source| Cause::Wire {
            message: ApiVersionsResponse::NAME,
            version,
            source,
        };
        decode_response(&frame, version)
            .map(|(_, response)| response)
            .map_err(wire)
    }

    /// One request and its answer, in the newest version both sides speak.
    pub(super) async fn call<R: Request>(&mut self, request: R) -> Result<R::Response, Cause> {
        let theirs = self.versions.get(&(R::API as i16)).copied();
        let (first, last) = theirs.ok_or_else(|| Cause::UnsupportedApi {
            api: R::API.name(),
            ours: (*R::VERSIONS.start(), *R::VERSIONS.end()),
            theirs: "no version of it".to_owned(),
        })?;
        let version = last.min(*R::VERSIONS.end()).max(first);
        let frame = self.exchange(request, version).await?;
        let wire = |source| Cause::Wire {
            message: R::Response::NAME,
            version,
            source,
        };
        decode_response(&frame, version)
            .map(|(_, response)| response)
            .map_err(wire)
    }

    async fn exchange<R: Request>(&mut self, mut request: R, version: i16) -> Result<Bytes, Cause> {
        let expected = self.next_id;
        self.next_id = expected.wrapping_add(1);
        let wire = |source| Cause::Wire {
            message: R::NAME,
            version,
            source,
        };
        let frame = encode_request(&mut request, version, expected, &self.settings.client_id)
            .map_err(wire)?;
        self.stream.write_all(&frame).await.map_err(refused)?;
        self.stream.flush().await.map_err(refused)?;
        let mut input = BytesMut::new();
        loop {
            if let Some(frame) = take_frame(&mut input, self.settings.max_frame_bytes)? {
                if !input.is_empty() {
                    return Err(Cause::Nonsense("more than was asked for".to_owned()));
                }
                let got = frame
                    .first_chunk::<4>()
                    .map_or(-1, |bytes| i32::from_be_bytes(*bytes));
                return if got == expected {
                    Ok(frame)
                } else {
                    Err(Cause::Correlation { expected, got })
                };
            }
            if self.stream.read_buf(&mut input).await.map_err(refused)? == 0 {
                return Err(Cause::Closed);
            }
        }
    }
}

/// A peer that does not like our certificate says so after the handshake (TLS 1.3), when we read.
fn refused(error: io::Error) -> Cause {
    if error
        .get_ref()
        .is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some())
    {
        return Cause::Tls(Arc::new(error));
    }
    broken(error)
}
