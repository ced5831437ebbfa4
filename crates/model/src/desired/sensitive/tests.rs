use super::*;

#[test]
fn what_opens_something_is_not_told() {
    for key in [
        "ssl.keystore.password",
        "listener.name.external-9094.scram-sha-512.sasl.jaas.config",
        "delegation.token.secret.key",
        "password.encoder.secret",
        "rsm.config.s3.aws.secretAccessKey",
        "ssl.keystore.key",
    ] {
        assert_eq!(told(key, "hunter2"), "(not shown)", "{key}");
    }
}

#[test]
fn limits_and_everything_else_are_told() {
    for key in [
        "min.insync.replicas",
        "delegation.token.max.lifetime.ms",
        "password.encoder.iterations",
        "log.retention.hours",
    ] {
        assert_eq!(told(key, "3"), "3", "{key}");
    }
}
