//! How the binary is linked.

use std::process::Command;

/// The first glibc whose loader reads packed relative relocations.
const PACKED_RELOCATIONS: (u32, u32) = (2, 36);

/// Packed, the two and a half megabytes that the loader reads at each start of each process are some kilobytes.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let of_target = |name: &str| std::env::var(name).unwrap_or_default();
    let same_machine = of_target("HOST") == of_target("TARGET");
    if same_machine
        && of_target("CARGO_CFG_TARGET_ENV") == "gnu"
        && glibc().is_some_and(|version| version >= PACKED_RELOCATIONS)
    {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The C library of this machine, such as `glibc 2.36`.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf")
        .arg("GNU_LIBC_VERSION")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
