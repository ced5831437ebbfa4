//! Errors of this crate, by operation and object, and when trying again can help.

/// When trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retry {
    /// At once or in a moment: a conflict, a lost reply.
    Soon,
    /// Later: the other side is unwell.
    Later,
    /// Only when what was read changes.
    OnChange,
}

/// An operation of the operator that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call to the Kubernetes API.
    #[error("{verb} {object}")]
    Kubernetes {
        /// What was tried: `list`, `create`, `apply`, ….
        verb: &'static str,
        /// Kind and name.
        object: String,
        /// What the API server or the way to it said.
        source: Box<kube::Error>,
    },
    /// An object that the API server would not know what to do with.
    #[error("{object} cannot be written as JSON")]
    Encode {
        /// Kind and name.
        object: String,
        /// What the encoder said.
        source: serde_json::Error,
    },
    /// A kind of object that the operator does not write.
    #[error("objects of kind {kind:?} are not among those that are written here")]
    UnknownKind {
        /// The kind.
        kind: String,
    },
    /// A Secret lacks an entry.
    #[error("Secret {secret} holds no text under {entry}")]
    SecretEntry {
        /// The Secret.
        secret: String,
        /// The key of the entry.
        entry: String,
    },
    /// The address for metrics cannot be listened on.
    #[error("listening on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A question to Kafka.
    #[error(transparent)]
    Kafka(#[from] Box<kafka_client::Error>),
    /// Certificates.
    #[error(transparent)]
    Certificates(#[from] crate::certificates::Error),
}

impl Error {
    /// A failed call to the Kubernetes API; `object` is kind and name.
    pub(crate) fn kubernetes(
        verb: &'static str,
        object: &(impl ToString + ?Sized),
        source: kube::Error,
    ) -> Self {
        Self::Kubernetes {
            verb,
            object: object.to_string(),
            source: Box::new(source),
        }
    }

    /// When trying again can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Kubernetes { source, .. } => match &**source {
                kube::Error::Api(status) => match status.code {
                    404 | 409 | 410 => Retry::Soon,
                    400..=428 | 431..=499 => Retry::OnChange,
                    _ => Retry::Later,
                },
                _ => Retry::Soon,
            },
            Self::Encode { .. }
            | Self::UnknownKind { .. }
            | Self::SecretEntry { .. }
            | Self::Listen { .. } => Retry::OnChange,
            Self::Kafka(error) => match error.retry() {
                kafka_client::Retry::Soon => Retry::Soon,
                kafka_client::Retry::Later => Retry::Later,
                kafka_client::Retry::OnChange => Retry::OnChange,
            },
            Self::Certificates(error) => error.retry(),
        }
    }

    /// Whether the API server said that the object changed, exists already, or is gone: the guard did not hold.
    pub fn is_conflict(&self) -> bool {
        matches!(self.status_code(), Some(404 | 409 | 410))
    }

    pub(crate) fn status_code(&self) -> Option<u16> {
        match self {
            Self::Kubernetes { source, .. } => match &**source {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            Self::Encode { .. }
            | Self::UnknownKind { .. }
            | Self::SecretEntry { .. }
            | Self::Listen { .. }
            | Self::Kafka(_)
            | Self::Certificates(_) => None,
        }
    }
}

/// An error and everything behind it, on one line.
pub struct Chain<'a>(pub &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut next = Some(self.0);
        let mut printed = String::new();
        while let Some(error) = next {
            let answer = api_answer(error);
            let is_last = answer.is_some();
            let text = answer.unwrap_or_else(|| error.to_string());
            // Many libraries repeat their source in their own text.
            if !printed.contains(&text) {
                if !printed.is_empty() {
                    formatter.write_str(": ")?;
                }
                formatter.write_str(&text)?;
                printed.push_str(&text);
            }
            next = error.source().filter(|_| !is_last);
        }
        Ok(())
    }
}

/// What the API server answered. The Display of kube's error repeats the whole Status in debug form, and so does that of
/// what is behind it.
fn api_answer(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let error = error.downcast_ref::<kube::Error>().or_else(|| {
        error
            .downcast_ref::<Box<kube::Error>>()
            .map(|boxed| &**boxed)
    })?;
    match error {
        kube::Error::Api(status) => Some(status.message.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
