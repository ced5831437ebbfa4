use super::*;

#[test]
fn only_code_from_files_is_given_back() {
    let maps = "\
55bbacda4000-55bbad47e000 r--p 00000000 fe:00 6348808                    /opt/klamm/klamm
55bbad47e000-55bbaeacc000 r-xp 006d9000 fe:00 6348808                    /opt/klamm/klamm
55bbaeacc000-55bbaec2c000 r--p 01d26000 fe:00 6348808                    /opt/klamm/klamm
55bbaec2c000-55bbaec32000 rw-p 01e85000 fe:00 6348808                    /opt/klamm/klamm
55bbde341000-55bbde383000 rw-p 00000000 00:00 0                          [heap]
7f0c735ae000-7f0c735b0000 rwxp 00000000 00:00 0
7f0c735d6000-7f0c7372c000 r-xp 00026000 fe:00 326269                     /usr/lib/libc.so.6
7f0c738a3000-7f0c738a5000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
";
    let found: Vec<_> = maps.lines().filter_map(code_of).collect();
    assert_eq!(
        found,
        [
            0x55bb_ad47_e000..0x55bb_aeac_c000,
            0x7f0c_735d_6000..0x7f0c_7372_c000
        ]
    );
}

#[test]
fn code_runs_on_after_it_was_given_back() {
    let resident = || {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut is_code = false;
        let mut kibibytes: u64 = 0;
        for line in smaps.lines() {
            let first = line.split_ascii_whitespace().next().unwrap_or_default();
            if first.contains('-') {
                is_code = code_of(line).is_some();
            } else if let ("Rss:", true) = (first, is_code) {
                let number = line.split_ascii_whitespace().nth(1).unwrap();
                kibibytes += number.parse::<u64>().unwrap();
            }
        }
        kibibytes
    };
    // Other tests run beside this one, and what they need comes back.
    let fell = (0..20).any(|_| {
        let before = resident();
        give_back_code();
        resident() < before
    });
    assert!(fell);
}
