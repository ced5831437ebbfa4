//! Stories on real Kafka processes; all of it is in `tests/`.
