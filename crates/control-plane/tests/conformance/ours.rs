//! Our control plane, in this process.

use std::sync::Mutex;

use control_plane::{ControlPlane, Settings};

/// Lives as long as the process: dropping it would end its loops.
static PLANE: Mutex<Option<ControlPlane>> = Mutex::new(None);

/// Starts it with nothing in it.
pub(crate) async fn start() -> Result<kube::Client, String> {
    let plane = ControlPlane::open(Settings::in_memory())
        .await
        .map_err(|e| e.to_string())?;
    let client = kube::Client::new(plane.service(), "default");
    *PLANE.lock().expect("nobody panics with the lock held") = Some(plane);
    Ok(client)
}
