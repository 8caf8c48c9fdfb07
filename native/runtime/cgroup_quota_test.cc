#include "runtime/cgroup_quota.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "runtime/thread.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

// A file system of the files given, gone at the end.
class FakeRoot {
 public:
  FakeRoot() {
    char name[] = "/tmp/tidemerge-cgroup-XXXXXX";
    root_ = mkdtemp(name);
  }
  ~FakeRoot() { EXPECT_EQ(std::system(("rm -r " + root_).c_str()), 0); }

  void write(const std::string& path, const std::string& text) {
    for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
      mkdir((root_ + path.substr(0, at)).c_str(), 0700);
    }
    std::ofstream(root_ + path) << text;
  }
  double quota() const { return cgroup_quota(root_); }

 private:
  std::string root_;
};

#if defined(__linux__)

TEST(cgroup_quota_of_version_2) {
  FakeRoot root;
  EXPECT_EQ(root.quota(), 0.0);  // no cgroups at all
  root.write("/proc/self/cgroup", "0::/system.slice/app\n");
  EXPECT_EQ(root.quota(), 0.0);
  root.write("/sys/fs/cgroup/system.slice/app/cpu.max", "max 100000\n");
  EXPECT_EQ(root.quota(), 0.0);
  root.write("/sys/fs/cgroup/system.slice/cpu.max", "400000 100000\n");
  EXPECT_EQ(root.quota(), 4.0);
  root.write("/sys/fs/cgroup/system.slice/app/cpu.max", "150000 100000\n");
  EXPECT_EQ(root.quota(), 1.5);
}

TEST(cgroup_quota_inside_a_namespace) {
  FakeRoot root;
  root.write("/proc/self/cgroup", "0::/\n");
  root.write("/sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(root.quota(), 2.0);
  root.write("/proc/self/cgroup", "0::/../other\n");
  EXPECT_EQ(root.quota(), 2.0);
}

TEST(cgroup_quota_of_version_1) {
  FakeRoot root;
  root.write("/proc/self/cgroup", "4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n2:cpuset:/docker/1\n");
  root.write("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "-1\n");
  root.write("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.quota(), 0.0);
  root.write("/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "250000\n");
  EXPECT_EQ(root.quota(), 2.5);
}

TEST(cgroup_quota_survives_nonsense) {
  FakeRoot root;
  root.write("/proc/self/cgroup", "\n::\nnonsense\n0:\n0::\n1:cpu\n0::/a\n");
  root.write("/sys/fs/cgroup/a/cpu.max", "many of them\n");
  EXPECT_EQ(root.quota(), 0.0);
  root.write("/sys/fs/cgroup/a/cpu.max", "100000 0\n");
  EXPECT_EQ(root.quota(), 0.0);
}

#endif

TEST(default_thread_count_is_at_least_one) { EXPECT_TRUE(default_thread_count() >= 1); }

}  // namespace
}  // namespace tidemerge
