//! One container of a Pod as a process: its files, its command and environment, its start and its end.
//!
//! Every run of a container is an *attempt* with a directory of its own, so what is known about it outlives the agent:
//!
//! ```text
//! containers/<name>/lock            held by the monitor of the running attempt: at most one
//! containers/<name>/root/…          KLAMM_ROOT: links to the volumes at the container's mount paths
//! containers/<name>/<n>/start       how it was started, and the back-off in force then
//!                      /running     pids, once the process runs       (written by the monitor)
//!                      /exit        how it ended                      (written by the monitor)
//!                      /log, log.1… stdout and stderr with time stamps (written by the monitor)
//! ```

pub(crate) mod attempt;
pub(crate) mod command;
pub(crate) mod environment;
pub(crate) mod launch;
pub(crate) mod termination;
