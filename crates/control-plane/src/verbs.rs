//! What can be done to objects, one file per verb.

mod apply;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod eviction;
pub(crate) mod read;
pub(crate) mod review;
pub(crate) mod scale;
pub(crate) mod stream;
pub(crate) mod subresource;
pub(crate) mod update;
