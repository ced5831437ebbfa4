//! Pods as processes: the node agent.
//!
//! To an API server it looks like a kubelet with its kube-proxy: it registers a Node, runs the Pods bound to it and
//! reports their status. Instead of containers it starts processes; instead of a network per Pod it gives each Pod a
//! loopback address.

pub mod address;
mod cgroup;
mod cluster;
mod container;
pub mod container_exec;
mod events;
mod files;
pub mod home;
pub mod images;
mod logs;
mod process;
mod quantity;
pub mod settings;
mod sources;
mod volumes;
