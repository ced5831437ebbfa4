//! etcd, one member or several.

use std::net::Ipv4Addr;
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
    health: String,
    _ip: Address,
}

/// PEM files with which members speak TLS, and ask the same of clients.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority of both sides' certificates.
    pub ca: PathBuf,
    /// A certificate for [`Self::ip`].
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The address of the only member.
    pub ip: Ipv4Addr,
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
        let addresses = (0..members).map(|_| Address::take());
        Self::start_at(rig, addresses.collect::<Result<_>>()?, preferred, None)
    }

    /// Starts one member at `address` that speaks only TLS, and only with clients that have a certificate.
    pub fn start_with_tls(
        rig: &Rig,
        address: Address,
        certificates: &Certificates,
    ) -> Result<Self> {
        Self::start_at(rig, vec![address], Version::Built, Some(certificates))
    }

    fn start_at(
        rig: &Rig,
        addresses: Vec<Address>,
        preferred: Version,
        certificates: Option<&Certificates>,
    ) -> Result<Self> {
        let other = match preferred {
            Version::Installed => Version::Built,
            Version::Built => Version::Installed,
        };
        let program = etcd_program(preferred)
            .or_else(|| etcd_program(other))
            .context("no etcd here: run `scripts/setup.sh test`, or tests/apiserver/build.sh")?;
        let cluster: Vec<String> = addresses
            .iter()
            .enumerate()
            .map(|(index, address)| format!("m{index}=http://{}", address.port(2380)))
            .collect();
        let cluster = cluster.join(",");
        let mut started = Vec::new();
        for (index, ip) in addresses.into_iter().enumerate() {
            let folder = rig.sub(&format!("etcd-{}", ip.ip))?;
            let scheme = if certificates.is_some() {
                "https"
            } else {
                "http"
            };
            let (client, peer) = (
                format!("{scheme}://{}", ip.port(2379)),
                format!("http://{}", ip.port(2380)),
            );
            let health = ip.port(2381);
            let mut command = vec![
                program.display().to_string(),
                format!("--name=m{index}"),
                format!("--data-dir={}", folder.join("data").display()),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster={cluster}"),
                format!("--listen-metrics-urls=http://{health}"),
                "--log-level=warn".to_owned(),
            ];
            if let Some(Certificates {
                ca,
                certificate,
                key,
                ip: _,
            }) = certificates
            {
                command.extend([
                    "--client-cert-auth".to_owned(),
                    format!("--trusted-ca-file={}", ca.display()),
                    format!("--cert-file={}", certificate.display()),
                    format!("--key-file={}", key.display()),
                ]);
            }
            let log = folder.join("log");
            let process = Process::start(&command, &[], &log)?;
            started.push(Member {
                url: client,
                process,
                command,
                log,
                health,
                _ip: ip,
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
            wait_for_program("etcd's health", &member.process, || healthy(&member.health))?;
        }
        Ok(())
    }

    /// Starts a member again on its data.
    pub fn restart(&mut self, index: usize) -> Result<()> {
        let Some(member) = self.members.get_mut(index) else {
            bail!("there is no member {index}");
        };
        member.process = Process::start(&member.command, &[], &member.log)?;
        wait_for_program("etcd's health", &member.process, || healthy(&member.health))
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
