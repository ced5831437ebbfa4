//! What is rendered, looked at as a whole.

#[cfg(test)]
mod acted_on;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod example;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod listeners;
#[cfg(test)]
mod revisions;
#[cfg(test)]
mod store;
