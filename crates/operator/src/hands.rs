//! What every loop works with: the client, the clock, the permit, and where it tells.

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::permit::Permit;
use crate::recorder::Recorder;
use crate::settings::Settings;

/// The hands of the operator; cheap to share, they hold no state of a cluster.
#[derive(Clone)]
pub(crate) struct Hands {
    /// The Kubernetes API, with faults in it where a test asked for them.
    pub(crate) client: kube::Client,
    /// What the operator was told.
    pub(crate) settings: Settings,
    /// What time it is.
    pub(crate) clock: Clock,
    /// Until when we may act.
    pub(crate) permit: Permit,
    /// What is counted.
    pub(crate) metrics: Metrics,
    /// What was looked at.
    pub(crate) recorder: Recorder,
}
