//! Rules about the shape of the project that no compiler checks.

#[cfg(test)]
#[path = "tidy/arrows.rs"]
mod arrows;
#[cfg(test)]
#[path = "tidy/files.rs"]
mod files;
#[cfg(test)]
#[path = "tidy/map.rs"]
mod map;
