//! Stories on real Apache Kafka, told as a user would live them: through `klamm`, `kcat`, Python and Kafka's own tools.
//!
//! They run one after the other: each wants the whole machine.

mod support;

mod bad_input;
mod first_light;
mod trouble;
