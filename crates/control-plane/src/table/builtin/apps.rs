//! Workloads.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    AGE, NAME, View, containers, created, int, items, map_text, name, number, selector_text, text,
    wide,
};
use crate::table::cells::{age, human_duration};

pub(super) const DEPLOYMENTS: View = View {
    columns: &[
        NAME,
        text("Ready"),
        text("Up-to-date"),
        text("Available"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |object, now| {
        let (spec, status) = (&object["spec"], &object["status"]);
        let [names, images] = containers(&spec["template"]["spec"]);
        vec![
            name(object),
            format!(
                "{}/{}",
                int(&status["readyReplicas"]),
                int(&spec["replicas"])
            )
            .into(),
            int(&status["updatedReplicas"]).into(),
            int(&status["availableReplicas"]).into(),
            created(object, now),
            names,
            images,
            selector_text(&spec["selector"]),
        ]
    },
};

pub(super) const STATEFUL_SETS: View = View {
    columns: &[NAME, text("Ready"), AGE, wide("Containers"), wide("Images")],
    cells: |object, now| {
        let (spec, status) = (&object["spec"], &object["status"]);
        let [names, images] = containers(&spec["template"]["spec"]);
        vec![
            name(object),
            format!(
                "{}/{}",
                int(&status["readyReplicas"]),
                int(&spec["replicas"])
            )
            .into(),
            created(object, now),
            names,
            images,
        ]
    },
};

pub(super) const REPLICA_SETS: View = View {
    columns: &[
        NAME,
        number("Desired"),
        number("Current"),
        number("Ready"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |object, now| {
        let (spec, status) = (&object["spec"], &object["status"]);
        let [names, images] = containers(&spec["template"]["spec"]);
        let selector = if object["kind"] == "ReplicationController" {
            map_text(&spec["selector"])
        } else {
            selector_text(&spec["selector"])
        };
        vec![
            name(object),
            int(&spec["replicas"]).into(),
            int(&status["replicas"]).into(),
            int(&status["readyReplicas"]).into(),
            created(object, now),
            names,
            images,
            selector,
        ]
    },
};

pub(super) const DAEMON_SETS: View = View {
    columns: &[
        NAME,
        number("Desired"),
        number("Current"),
        number("Ready"),
        number("Up-to-date"),
        number("Available"),
        text("Node Selector"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |object, now| {
        let (spec, status) = (&object["spec"], &object["status"]);
        let [names, images] = containers(&spec["template"]["spec"]);
        vec![
            name(object),
            int(&status["desiredNumberScheduled"]).into(),
            int(&status["currentNumberScheduled"]).into(),
            int(&status["numberReady"]).into(),
            int(&status["updatedNumberScheduled"]).into(),
            int(&status["numberAvailable"]).into(),
            map_text(&spec["template"]["spec"]["nodeSelector"]),
            created(object, now),
            names,
            images,
            selector_text(&spec["selector"]),
        ]
    },
};

pub(super) const JOBS: View = View {
    columns: &[
        NAME,
        text("Status"),
        text("Completions"),
        text("Duration"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |object, now| {
        let (spec, status) = (&object["spec"], &object["status"]);
        let [names, images] = containers(&spec["template"]["spec"]);
        let succeeded = int(&status["succeeded"]);
        let completions = match spec["completions"].as_i64() {
            Some(wanted) => format!("{succeeded}/{wanted}"),
            None => match int(&spec["parallelism"]) {
                parallel if parallel > 1 => format!("{succeeded}/1 of {parallel}"),
                _ => format!("{succeeded}/1"),
            },
        };
        vec![
            name(object),
            job_status(object).into(),
            completions.into(),
            duration(status, now),
            created(object, now),
            names,
            images,
            selector_text(&spec["selector"]),
        ]
    },
};

fn job_status(job: &Value) -> &'static str {
    let is = |kind: &str| {
        items(&job["status"]["conditions"]).any(|c| c["type"] == kind && c["status"] == "True")
    };
    match () {
        () if is("Complete") => "Complete",
        () if is("Failed") => "Failed",
        () if crate::metadata::is_deleting(job) => "Terminating",
        () if is("Suspended") => "Suspended",
        () if is("FailureTarget") => "FailureTarget",
        () if is("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

fn duration(status: &Value, now: Timestamp) -> Value {
    let time = |field: &str| {
        status[field]
            .as_str()
            .and_then(|t| t.parse::<Timestamp>().ok())
    };
    match time("startTime") {
        None => "".into(),
        Some(start) => human_duration(
            time("completionTime")
                .unwrap_or(now)
                .duration_since(start)
                .as_secs(),
        )
        .into(),
    }
}

pub(super) const CRON_JOBS: View = View {
    columns: &[
        NAME,
        text("Schedule"),
        text("Timezone"),
        text("Suspend"),
        number("Active"),
        text("Last Schedule"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |object, now| {
        let (spec, status) = (&object["spec"], &object["status"]);
        let template = &spec["jobTemplate"]["spec"];
        let [names, images] = containers(&template["template"]["spec"]);
        let last = &status["lastScheduleTime"];
        vec![
            name(object),
            spec["schedule"].clone(),
            super::or_none(&spec["timeZone"]),
            if spec["suspend"] == true {
                "True".into()
            } else {
                "False".into()
            },
            items(&status["active"]).count().into(),
            if last.is_string() {
                age(last, now)
            } else {
                "<none>".into()
            },
            created(object, now),
            names,
            images,
            selector_text(&template["selector"]),
        ]
    },
};
