//! kafka-client
pub mod error_code;
pub mod messages;
pub mod wire;
