//! What the machine can give: cores and memory.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The threads that make a model fastest: one per physical core that this process may use, within its CPU quota.
///
/// Two hyper-threads of a core share its arithmetic units, and threads that wait for each other spin, so more threads
/// than cores are slower, not faster.
pub(super) fn threads() -> usize {
    // Respects the affinity mask and the quota of a control group.
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    physical_cores().map_or(allowed, |cores| cores.clamp(1, allowed))
}

/// The number of physical cores in the affinity mask, where the system tells.
fn physical_cores() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let cores: Option<BTreeSet<(String, String)>> = cpus(list.trim())?
        .into_iter()
        .map(|cpu| {
            let topology = format!("/sys/devices/system/cpu/cpu{cpu}/topology");
            let read = |name: &str| fs::read_to_string(Path::new(&topology).join(name)).ok();
            Some((read("physical_package_id")?, read("core_id")?))
        })
        .collect();
    cores.map(|cores| cores.len())
}

/// The numbers in a list such as `0-3,8`.
fn cpus(list: &str) -> Option<Vec<usize>> {
    const MOST: usize = 4096;
    let mut cpus = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse().ok()?, last.parse::<usize>().ok()?);
        if last >= MOST {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// The bytes of memory that can still be used, where the system tells: what is free or can be freed, within the limit of
/// the control group.
pub(super) fn available_memory() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    };
    let free = field("MemAvailable:")? + field("SwapFree:").unwrap_or(0);
    Some(group_memory().map_or(free, |group| group.min(free)))
}

/// What the control group still allows: version 2, then version 1.
fn group_memory() -> Option<u64> {
    let number = |path: &str| -> Option<u64> { fs::read_to_string(path).ok()?.trim().parse().ok() };
    let files = [
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ];
    files
        .iter()
        .find_map(|(limit, used)| Some(number(limit)?.saturating_sub(number(used)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cpus_is_read() {
        assert_eq!(cpus("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(cpus("7"), Some(vec![7]));
        assert_eq!(cpus("0-99999999"), None);
        assert_eq!(cpus("x"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_memory_that_is_left_is_less_than_all_there_is() {
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap();
        let kibibytes = |name: &str| -> u64 {
            let line = meminfo.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let all = (kibibytes("MemTotal:") + kibibytes("SwapTotal:")) * 1024;
        assert!((1..all).contains(&available_memory().unwrap()));
    }

    #[test]
    fn there_is_at_least_one_thread() {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        assert!((1..=most).contains(&threads()));
    }
}
