//! Rules about the shape of the project that no compiler checks.

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/map.rs"]
mod map;
