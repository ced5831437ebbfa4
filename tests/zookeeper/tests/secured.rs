//! `klamm zookeeper` on an etcd that speaks TLS only, asks for certificates, and has users.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use reference_zookeeper::{Address, Certificates, Etcd, Gateway, Process, Rig, klamm, wait_for};
use zookeeper_check::client::Client;
use zookeeper_protocol::{Create, CreateKind, Request, any_acl};

/// An authority, and a certificate for one address that serves for both sides.
fn certificates(rig: &Rig, name: &str, address: &Address) -> Result<Certificates> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, "authority of the test");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    // No name: etcd would take it for a user's.
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.subject_alt_names = vec![SanType::IpAddress(address.ip.into())];
    let certificate = params.signed_by(&key, &authority)?;
    let folder = rig.sub(name)?;
    let made = Certificates {
        ca: folder.join("ca.pem"),
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
        ip: address.ip,
    };
    std::fs::write(&made.ca, authority.pem())?;
    std::fs::write(&made.certificate, certificate.pem())?;
    std::fs::write(&made.key, key.serialize_pem())?;
    Ok(made)
}

/// One call to etcd's JSON gateway.
fn ask(
    etcd: &str,
    certificates: &Certificates,
    token: &str,
    call: &str,
    body: &str,
) -> Result<String> {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail-with-body", "--cacert"])
        .arg(&certificates.ca)
        .arg("--cert")
        .arg(&certificates.certificate)
        .arg("--key")
        .arg(&certificates.key)
        .args([
            "--header",
            &format!("Authorization: {token}"),
            "--data",
            body,
        ])
        .arg(format!("{etcd}/v3/auth/{call}"))
        .output()
        .context("running curl")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{call} {body}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}

/// From now on only these may do anything: root, and klamm below /klamm/. Root's token.
fn enable_users(etcd: &str, certificates: &Certificates) -> Result<String> {
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let range = format!(
        r#"{{"name":"klamm","perm":{{"permType":"READWRITE","key":"{}","range_end":"{}"}}}}"#,
        base64("/klamm/"),
        base64("/klamm0")
    );
    for (call, body) in [
        ("user/add", r#"{"name":"root","password":"of root"}"#),
        ("user/grant", r#"{"user":"root","role":"root"}"#),
        ("user/add", r#"{"name":"klamm","password":"of klamm"}"#),
        ("role/add", r#"{"name":"klamm"}"#),
        ("role/grant", range.as_str()),
        ("user/grant", r#"{"user":"klamm","role":"klamm"}"#),
        ("enable", "{}"),
    ] {
        // Newer ones want the role, older ones make it themselves.
        if call == "user/grant" && body.contains("root") {
            let _ = ask(etcd, certificates, "", "role/add", r#"{"name":"root"}"#);
        }
        ask(etcd, certificates, "", call, body)?;
    }
    let answer = ask(
        etcd,
        certificates,
        "",
        "authenticate",
        r#"{"name":"root","password":"of root"}"#,
    )?;
    let token = answer
        .split_once(r#""token":""#)
        .and_then(|(_, rest)| rest.split_once('"'))
        .with_context(|| format!("no token in {answer}"))?
        .0;
    Ok(token.to_owned())
}

fn write(
    client: &mut Client,
    runtime: &tokio::runtime::Runtime,
    path: &str,
    flags: i32,
) -> Result<()> {
    let request = Request::Create(Create {
        kind: CreateKind::Create,
        path: path.to_owned(),
        data: None,
        acl: any_acl(),
        flags,
    });
    runtime.block_on(client.call(request))?;
    Ok(())
}

/// What is not even started says so, and why.
fn refused(rig: &Rig, etcd: &Etcd, arguments: &[&str], why: &str) -> Result<()> {
    let mut command = vec![klamm()?.display().to_string(), "zookeeper".to_owned()];
    let address = Address::take()?;
    command.extend(["--listen".to_owned(), address.port(2181)]);
    command.extend(["--etcd".to_owned(), etcd.urls()]);
    command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let log = rig.path().join("refused.log");
    let process = Process::start(&command, &[], &log)?;
    wait_for(why, || process.log().contains(why)).with_context(|| process.log())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

#[test]
fn an_etcd_with_tls_and_users_serves_whoever_has_certificate_and_password() -> Result<()> {
    let rig = Rig::new()?;
    let address = Address::take()?;
    let certificates = certificates(&rig, "certificates", &address)?;
    let etcd = Etcd::start_with_tls(&rig, address, &certificates)?;
    let url = etcd.urls();
    let token = enable_users(&url, &certificates)?;
    let password = rig.path().join("password");
    std::fs::write(&password, "of klamm\n")?;
    let mut arguments = vec!["--etcd-cacert", text(&certificates.ca)?];
    refused(&rig, &etcd, &arguments, "the tree cannot be read from etcd")?;
    arguments.extend(["--etcd-cert", text(&certificates.certificate)?]);
    arguments.extend(["--etcd-key", text(&certificates.key)?]);
    refused(&rig, &etcd, &arguments, "etcd refused a read")?;
    let wrong = rig.path().join("wrong");
    std::fs::write(&wrong, "of nobody\n")?;
    let known = |file| ["--etcd-user", "klamm", "--etcd-password-file", file];
    let mistaken = [arguments.as_slice(), &known(text(&wrong)?)].concat();
    refused(&rig, &etcd, &mistaken, "invalid user ID or password")?;
    arguments.extend(known(text(&password)?));

    let gateway = Gateway::start(&rig, &etcd, &arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let servers = vec![gateway.address.clone()];
    let mut client = Client::new(servers, 0, 10_000, Duration::from_secs(20));
    write(&mut client, &runtime, "/before", 1)?;
    let session = client.session();
    // etcd forgets the tokens of a user whose password is set.
    ask(
        &url,
        &certificates,
        &token,
        "user/changepw",
        r#"{"name":"klamm","password":"of klamm"}"#,
    )?;
    write(&mut client, &runtime, "/after", 1)?;
    let elsewhere = [arguments.as_slice(), &["--prefix", "/others"]].concat();
    refused(&rig, &etcd, &elsewhere, "permission denied")?;
    let both = Request::GetEphemerals { prefix: None };
    let answer = runtime.block_on(client.call(both))?;
    assert_eq!(
        format!("{answer:?}"),
        r#"Ephemerals(["/after", "/before"])"#
    );
    assert_eq!(client.session(), session);
    Ok(())
}

/// A Secret as a kubelet mounts it: all files change at once, with the link that they are reached through.
fn mount(secret: &Path, round: u32, files: &[(&str, &Path)]) -> Result<()> {
    let version = format!("..{round}");
    std::fs::create_dir_all(secret.join(&version))?;
    for (name, from) in files {
        std::fs::copy(from, secret.join(&version).join(name))?;
        let link = secret.join(name);
        if !link.is_symlink() {
            std::os::unix::fs::symlink(Path::new("..data").join(name), link)?;
        }
    }
    let next = secret.join("..data_tmp");
    std::os::unix::fs::symlink(version, &next)?;
    std::fs::rename(next, secret.join("..data"))?;
    Ok(())
}

/// The warning about half a Secret.
const REFUSED: &str = "the files for etcd cannot be used";

#[test]
fn a_secret_that_changes_is_read_again_and_half_a_one_is_not_used() -> Result<()> {
    let rig = Rig::new()?;
    let address = Address::take()?;
    let first = certificates(&rig, "first", &address)?;
    let second = certificates(&rig, "second", &address)?;
    let of_etcd = rig.sub("etcds-own")?;
    let served = Certificates {
        ca: of_etcd.join("ca.pem"),
        certificate: of_etcd.join("certificate.pem"),
        key: of_etcd.join("key.pem"),
        ip: address.ip,
    };
    let serve = |from: &Certificates| -> Result<()> {
        std::fs::copy(&from.ca, &served.ca)?;
        std::fs::copy(&from.certificate, &served.certificate)?;
        std::fs::copy(&from.key, &served.key)?;
        Ok(())
    };
    serve(&first)?;
    let mut etcd = Etcd::start_with_tls(&rig, address, &served)?;
    let secret = rig.path().join("secret");
    let mount = |round, ca: &Certificates, certificate: &Certificates, key: &Certificates| {
        let files = [
            ("ca.crt", ca.ca.as_path()),
            ("user.crt", certificate.certificate.as_path()),
            ("user.key", key.key.as_path()),
        ];
        mount(&secret, round, &files)
    };
    mount(1, &first, &first, &first)?;
    let gateway = Gateway::start(&rig, &etcd, &["--etcd-secret", text(&secret)?])?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let servers = vec![gateway.address.clone()];
    let mut client = Client::new(servers, 0, 10_000, Duration::from_secs(20));
    write(&mut client, &runtime, "/first", 0)?;
    // A certificate with another one's key.
    mount(2, &second, &second, &first)?;
    wait_for(REFUSED, || gateway.process.log().contains(REFUSED))?;
    write(&mut client, &runtime, "/still", 0)?;
    // From now on etcd knows nobody of the first authority.
    serve(&second)?;
    let member = etcd.members.first().context("no member")?;
    member.process.signal(nix::sys::signal::Signal::SIGKILL);
    etcd.restart(0)?;
    mount(3, &second, &second, &second)?;
    wait_for("a write with the new certificates", || {
        write(&mut client, &runtime, "/second", 0).is_ok()
    })
    .with_context(|| gateway.process.log())?;
    let log = gateway.process.log();
    assert_eq!(log.matches(REFUSED).count(), 1, "{log}");
    Ok(())
}
