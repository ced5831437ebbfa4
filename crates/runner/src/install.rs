//! `klamm install DIR`: what the init container of a Kafka Pod does.
//!
//! Puts this program and the plugin jars of its image where the main container, whose image is stock Kafka, finds them.

use std::path::Path;

/// Plugin jars in our image; absent where a process node brings its own.
const PLUGINS: &str = "/plugins";

/// Copies the running program to `target/klamm` and the image's plugins to `target/plugins`.
///
/// A hard link serves where the file system allows it: on one machine every Pod then shares one file.
///
/// `target` is a path of the container; on a process node it lies below `KLAMM_ROOT`.
pub fn install(target: &Path) -> std::io::Result<()> {
    let target = match std::env::var_os("KLAMM_ROOT") {
        Some(root) => Path::new(&root).join(target.strip_prefix("/").unwrap_or(target)),
        None => target.to_owned(),
    };
    std::fs::create_dir_all(&target)?;
    let program = std::env::current_exe()?;
    place(&program, &target.join("klamm"))?;
    let plugins = Path::new(PLUGINS);
    if plugins.is_dir() {
        let to = target.join("plugins");
        std::fs::create_dir_all(&to)?;
        for entry in std::fs::read_dir(plugins)? {
            let entry = entry?;
            place(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn place(from: &Path, to: &Path) -> std::io::Result<()> {
    let fresh = to.with_extension("fresh");
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if std::fs::hard_link(from, &fresh).is_err() {
        std::fs::copy(from, &fresh)?;
    }
    std::fs::rename(&fresh, to)
}
