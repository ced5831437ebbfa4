//! A machine of one's own: a home in a temporary directory, and everything that is done on it.

pub(crate) mod kubernetes;
pub(crate) mod machine;
pub(crate) mod manifests;
pub(crate) mod witness;

pub(crate) use kubernetes::Kubernetes;
pub(crate) use machine::Machine;
