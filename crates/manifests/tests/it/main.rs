//! What is rendered, looked at as a whole.

mod certificates;
mod compare;
mod example;
mod golden;
mod listeners;
mod revisions;
