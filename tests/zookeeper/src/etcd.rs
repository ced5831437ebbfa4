//! etcd, one member or several.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{Address, Process, Rig, repository, wait_for_program};

/// Which of the machine's etcds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The one on PATH: Debian's, 3.4.
    Installed,
    /// The one that `tests/apiserver/build.sh` builds: 3.6.
    Built,
}

/// Where it is, if it is there.
pub fn etcd_program(version: Version) -> Option<PathBuf> {
    match version {
        Version::Installed => std::env::var_os("PATH")
            .and_then(|path| {
                std::env::split_paths(&path)
                    .map(|folder| folder.join("etcd"))
                    .find(|program| program.is_file())
            })
            .or_else(|| Some(PathBuf::from("/usr/bin/etcd")).filter(|program| program.is_file())),
        Version::Built => {
            let output = Command::new(repository().join("tests/apiserver/build.sh"))
                .arg("--find")
                .output()
                .ok()?;
            let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            let program = Path::new(&folder).join("etcd");
            (output.status.success() && program.is_file()).then_some(program)
        }
    }
}

/// One member.
#[derive(Debug)]
pub struct Member {
    /// `http://IP:2379`.
    pub url: String,
    /// The program.
    pub process: Process,
    command: Vec<String>,
    log: PathBuf,
    ip: Address,
}

/// A running etcd.
#[derive(Debug)]
pub struct Etcd {
    /// Its members.
    pub members: Vec<Member>,
}

impl Etcd {
    /// Starts so many members and waits until they have a leader. `preferred` is taken if it is there.
    pub fn start(rig: &Rig, members: usize, preferred: Version) -> Result<Self> {
        let other = match preferred {
            Version::Installed => Version::Built,
            Version::Built => Version::Installed,
        };
        let program = etcd_program(preferred)
            .or_else(|| etcd_program(other))
            .context("no etcd here: run `scripts/setup.sh test`, or tests/apiserver/build.sh")?;
        let addresses: Vec<Address> = (0..members)
            .map(|_| Address::take())
            .collect::<Result<_>>()?;
        let cluster: Vec<String> = addresses
            .iter()
            .enumerate()
            .map(|(index, address)| format!("m{index}=http://{}", address.port(2380)))
            .collect();
        let cluster = cluster.join(",");
        let mut started = Vec::new();
        for (index, ip) in addresses.into_iter().enumerate() {
            let folder = rig.sub(&format!("etcd-{}", ip.ip))?;
            let (client, peer) = (
                format!("http://{}", ip.port(2379)),
                format!("http://{}", ip.port(2380)),
            );
            let command = vec![
                program.display().to_string(),
                format!("--name=m{index}"),
                format!("--data-dir={}", folder.join("data").display()),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster={cluster}"),
                "--log-level=warn".to_owned(),
            ];
            let log = folder.join("log");
            let process = Process::start(&command, &[], &log)?;
            started.push(Member {
                url: client,
                process,
                command,
                log,
                ip,
            });
        }
        let etcd = Self { members: started };
        etcd.wait()?;
        Ok(etcd)
    }

    /// `http://…,http://…`, as `--etcd` wants it.
    pub fn urls(&self) -> String {
        let urls: Vec<&str> = self
            .members
            .iter()
            .map(|member| member.url.as_str())
            .collect();
        urls.join(",")
    }

    fn wait(&self) -> Result<()> {
        for member in &self.members {
            wait_for_program("etcd's health", &member.process, || {
                healthy(&member.ip.port(2379))
            })?;
        }
        Ok(())
    }

    /// Starts a member again on its data.
    pub fn restart(&mut self, index: usize) -> Result<()> {
        let Some(member) = self.members.get_mut(index) else {
            bail!("there is no member {index}");
        };
        member.process = Process::start(&member.command, &[], &member.log)?;
        let address = member.ip.port(2379);
        wait_for_program("etcd's health", &member.process, || healthy(&address))
    }
}

/// Asks `/health`, which is true only with a leader.
fn healthy(address: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else {
        return false;
    };
    // A member that hangs is not healthy.
    let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(3)));
    let asked = stream.write_all(b"GET /health HTTP/1.0\r\nHost: etcd\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains("\"true\"")
}
