//! The CPU share of a small function: a quota that a control group sets, as Lambda does it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the share is granted again. It is Lambda's own period, as functions observe it: a share of 7 % runs for
/// 1.4 ms and then waits for 18.6. Below 14 ms the kernel refuses such a share, its least quota being 1 ms.
pub const PERIOD: Duration = Duration::from_millis(20);

/// A control group whose processes get a part of one CPU, while that is limited.
pub struct CpuShare {
    folder: PathBuf,
    version: Version,
    /// In microseconds for each period.
    quota: u128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl CpuShare {
    /// A group for `share` of a CPU, still unlimited.
    pub fn new(share: f64) -> io::Result<Self> {
        let quota = PERIOD.mul_f64(share).as_micros();
        let (parent, version) = own_group()?;
        let folder = parent.join(format!("cold-start-{}", std::process::id()));
        fs::create_dir(&folder)?;
        // From here on it is removed again, whatever fails.
        let group = Self { folder, version, quota };
        match version {
            Version::One => group.write("cpu.cfs_period_us", &PERIOD.as_micros().to_string())?,
            Version::Two => {
                fs::write(parent.join("cgroup.subtree_control"), "+cpu")?;
                // Only such a group takes in single threads.
                group.write("cgroup.type", "threaded")?;
            }
        }
        group.limit()?;
        group.lift()?;
        Ok(group)
    }

    /// Moves the calling thread into the group, and so every process that it starts.
    ///
    /// A process that runs already could be moved too, but that takes milliseconds, in which it would do for nothing
    /// what it should be charged for.
    pub fn enter(&self) -> io::Result<()> {
        match self.version {
            Version::One => self.write("tasks", "0"),
            Version::Two => self.write("cgroup.threads", "0"),
        }
    }

    /// Begins to hold the group to its share.
    pub fn limit(&self) -> io::Result<()> {
        match self.version {
            Version::One => self.write("cpu.cfs_quota_us", &self.quota.to_string()),
            Version::Two => self.write("cpu.max", &format!("{} {}", self.quota, PERIOD.as_micros())),
        }
    }

    /// Lets the group have what it wants.
    pub fn lift(&self) -> io::Result<()> {
        match self.version {
            Version::One => self.write("cpu.cfs_quota_us", "-1"),
            Version::Two => self.write("cpu.max", &format!("max {}", PERIOD.as_micros())),
        }
    }

    /// How often the group had used its share up before a period was over.
    pub fn times_throttled(&self) -> io::Result<u64> {
        let stat = fs::read_to_string(self.folder.join("cpu.stat"))?;
        let count = stat.lines().find_map(|line| line.strip_prefix("nr_throttled "));
        count.and_then(|count| count.parse().ok()).ok_or_else(|| ErrorKind::InvalidData.into())
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        fs::write(self.folder.join(file), text)
    }
}

impl Drop for CpuShare {
    fn drop(&mut self) {
        // What stays behind is an empty group, which costs nothing.
        let _stays = fs::remove_dir(&self.folder);
    }
}

/// The group that this process is in, where the CPU is shared out.
fn own_group() -> io::Result<(PathBuf, Version)> {
    for line in fs::read_to_string("/proc/self/cgroup")?.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let path = path.trim_start_matches('/');
        if controllers.split(',').any(|controller| controller == "cpu") {
            for mount in ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"] {
                let folder = Path::new(mount).join(path);
                if folder.is_dir() {
                    return Ok((folder, Version::One));
                }
            }
        }
        let folder = Path::new("/sys/fs/cgroup").join(path);
        if controllers.is_empty()
            && fs::read_to_string(folder.join("cgroup.controllers"))
                .is_ok_and(|controllers| controllers.split_whitespace().any(|controller| controller == "cpu"))
        {
            return Ok((folder, Version::Two));
        }
    }
    Err(io::Error::new(ErrorKind::Unsupported, "no control group shares out the CPU here"))
}
