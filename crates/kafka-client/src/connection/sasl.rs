//! SASL over Kafka's own requests: handshake, then the mechanism's messages.

use std::time::Duration;

use bytes::Bytes;
use rand::Rng as _;
use rand::distr::Alphanumeric;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Sasl;
use super::dial::Opening;
use crate::error::Cause;
use crate::error_code::ErrorCode;
use crate::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use crate::scram::{ScramClient, ScramError};

/// Authenticates; says how long the session may last if the broker bounds it.
pub(super) async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
    opening: &mut Opening<'_, S>,
    sasl: &Sasl,
) -> Result<Option<Duration>, Cause> {
    let mechanism = match sasl {
        Sasl::Plain { .. } => "PLAIN",
        Sasl::Scram { mechanism, .. } => mechanism.name(),
    };
    let handshake = opening
        .call(SaslHandshakeRequest {
            mechanism: mechanism.to_owned(),
        })
        .await?;
    match ErrorCode::from_code(handshake.error_code) {
        ErrorCode::None => {}
        ErrorCode::UnsupportedSaslMechanism => {
            let offered = handshake.mechanisms.join(", ");
            return Err(Cause::Authentication(format!(
                "the listener offers {offered}, not {mechanism}"
            )));
        }
        ErrorCode::IllegalSaslState => {
            return Err(Cause::Authentication(
                "the listener does not use SASL".to_owned(),
            ));
        }
        other => return Err(Cause::Authentication(other.name().to_owned())),
    }
    let (_, lifetime_ms) = match sasl {
        Sasl::Plain { username, password } => {
            step(opening, format!("\0{username}\0{password}").into_bytes()).await?
        }
        Sasl::Scram {
            mechanism,
            username,
            password,
        } => {
            let nonce: String = rand::rng()
                .sample_iter(Alphanumeric)
                .take(32)
                .map(char::from)
                .collect();
            let (client, first) =
                ScramClient::first(*mechanism, username, password, nonce).map_err(input)?;
            let (server_first, _) = step(opening, first).await?;
            let (verdict, last) = client.last(&server_first).map_err(refused)?;
            let (server_final, lifetime_ms) = step(opening, last).await?;
            verdict.verify(&server_final).map_err(refused)?;
            (server_final, lifetime_ms)
        }
    };
    Ok(u64::try_from(lifetime_ms)
        .ok()
        .filter(|lifetime| *lifetime > 0)
        .map(Duration::from_millis))
}

async fn step<S: AsyncRead + AsyncWrite + Unpin>(
    opening: &mut Opening<'_, S>,
    message: Vec<u8>,
) -> Result<(Bytes, i64), Cause> {
    let response = opening
        .call(SaslAuthenticateRequest {
            auth_bytes: Bytes::from(message),
        })
        .await?;
    match ErrorCode::from_code(response.error_code) {
        ErrorCode::None => Ok((response.auth_bytes, response.session_lifetime_ms)),
        code => {
            let words = response.error_message.filter(|words| !words.is_empty());
            Err(Cause::Authentication(
                words.unwrap_or_else(|| code.sentence().to_owned()),
            ))
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn input(error: ScramError) -> Cause {
    Cause::Input(error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn refused(error: ScramError) -> Cause {
    Cause::Authentication(error.to_string())
}
