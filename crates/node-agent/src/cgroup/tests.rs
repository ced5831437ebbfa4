use super::*;

const V1_MOUNTS: &str = "\
30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 /box /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";

#[test]
fn version_1_has_a_place_per_controller() {
    let own = "9:name=systemd:/\n4:memory:/box/a\n1:cpu,cpuacct:/\n0::/";
    assert_eq!(
        Hierarchy::read(own, V1_MOUNTS),
        Hierarchy::V1 {
            memory: Some("/sys/fs/cgroup/memory/a".into()),
            cpu: Some("/sys/fs/cgroup/cpu,cpuacct/".into())
        }
    );
}

#[test]
fn version_2_has_one_place() {
    let mounts = "33 30 0:29 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw";
    assert_eq!(
        Hierarchy::read("0::/user.slice/app.scope\n", mounts),
        Hierarchy::V2("/sys/fs/cgroup/user.slice/app.scope".into())
    );
    assert_eq!(Hierarchy::read("", ""), Hierarchy::None);
}

#[test]
fn limits_are_written_where_the_kernel_reads_them() {
    let own = tempfile::tempdir().unwrap();
    let limits = Limits {
        memory: Some(1 << 20),
        cpu_millis: Some(1500),
    };
    let groups = Hierarchy::V2(own.path().into()).make("c", limits).unwrap();
    assert_eq!(groups, [own.path().join("c")]);
    let read = |file: &str| fs::read_to_string(own.path().join(file)).unwrap();
    assert_eq!(read("cgroup.subtree_control"), "+memory +cpu");
    assert_eq!(read("c/memory.max"), "1048576");
    assert_eq!(read("c/cpu.max"), "150000 100000");
    assert_eq!(quota(1), 1000);
}

#[test]
fn out_of_memory_is_read_from_both_versions() {
    let group = tempfile::tempdir().unwrap();
    let groups = [group.path().to_path_buf()];
    assert!(!out_of_memory(&groups));
    fs::write(
        group.path().join("memory.oom_control"),
        "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
    )
    .unwrap();
    assert!(!out_of_memory(&groups));
    fs::write(
        group.path().join("memory.events"),
        "low 0\noom 1\noom_kill 1\n",
    )
    .unwrap();
    assert!(out_of_memory(&groups));
}
