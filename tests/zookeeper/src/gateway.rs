//! `klamm zookeeper`: ZooKeeper's protocol on etcd.

use std::path::PathBuf;

use anyhow::Result;

use crate::zookeeper::is_serving;
use crate::{Address, Etcd, Process, Rig, klamm, wait_for_program};

/// A running `klamm zookeeper`.
#[derive(Debug)]
pub struct Gateway {
    /// `IP:PORT` for clients.
    pub address: String,
    /// The program.
    pub process: Process,
    command: Vec<String>,
    log: PathBuf,
    _ip: Address,
}

impl Gateway {
    /// Starts one beside `etcd`, with these further arguments, and waits until it answers.
    pub fn start(rig: &Rig, etcd: &Etcd, arguments: &[&str]) -> Result<Self> {
        let ip = Address::take()?;
        let log = rig.path().join(format!("gateway-{}.log", ip.ip));
        let address = ip.port(2181);
        let mut command = vec![
            klamm()?.display().to_string(),
            "zookeeper".to_owned(),
            "--etcd".to_owned(),
            etcd.urls(),
            "--listen".to_owned(),
            address.clone(),
        ];
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let process = Process::start(&command, &[], &log)?;
        let gateway = Self {
            address,
            process,
            command,
            log,
            _ip: ip,
        };
        gateway.wait()?;
        Ok(gateway)
    }

    fn wait(&self) -> Result<()> {
        wait_for_program("klamm zookeeper's answer", &self.process, || {
            is_serving(&self.address)
        })
    }

    /// Starts it again, on the same address.
    pub fn restart(&mut self) -> Result<()> {
        self.process = Process::start(&self.command, &[], &self.log)?;
        self.wait()
    }
}
