//! The control plane as its clients see it: kube-rs on the in-process service, and over TLS.

#[cfg(test)]
mod basics;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod deletion;
#[cfg(test)]
mod disruption;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod kubelet;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod steady;
#[cfg(test)]
mod support;
#[cfg(test)]
mod watching;
