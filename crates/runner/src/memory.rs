//! Pages of code that only the start needed, given back.
//!
//! A page of code that ran once stays in this process's memory for as long as its broker runs. Giving such pages back
//! costs nothing but a look into the page cache where one of them is needed again. The only unsafe code of Klamm.

use std::ops::Range;

use rustix::mm::{Advice, madvise};

/// Gives back the pages of this process's code; those that are in use come back by themselves.
pub(crate) fn give_back_code() {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else {
        return;
    };
    for pages in maps.lines().filter_map(code_of) {
        let start = std::ptr::without_provenance_mut(pages.start);
        // SAFETY: `code_of` takes only whole mappings of files that can be run and not written. Nothing in memory
        // differs from the file, so what is read after the advice is what was there before it.
        #[expect(unsafe_code, reason = "madvise takes addresses")]
        let given = unsafe { madvise(start, pages.len(), Advice::LinuxDontNeed) };
        if let Err(error) = given {
            tracing::debug!(%error, "the kernel keeps pages of code");
        }
    }
}

/// The addresses of a mapping, if it is code from a file. Format: `proc_pid_maps(5)`.
fn code_of(line: &str) -> Option<Range<usize>> {
    let mut fields = line.split_ascii_whitespace();
    let (addresses, permissions) = (fields.next()?, fields.next()?);
    let path = fields.nth(3)?;
    if permissions != "r-xp" || !path.starts_with('/') {
        return None;
    }
    let (start, end) = addresses.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(start)?..address(end)?)
}

#[cfg(test)]
mod tests;
