//! The control plane as its clients see it: kube-rs on the in-process service.

#[cfg(test)]
mod basics;
