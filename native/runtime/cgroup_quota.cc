#include "runtime/cgroup_quota.h"

#include <fstream>
#include <sstream>

namespace tidemerge {

namespace {

// "200000 100000" or "max 100000" (version 2); 0 when there is no bound.
double read_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  std::istringstream number(quota);
  double value = 0;
  return number >> value && value > 0 ? value / period : 0;
}

double read_v1(const std::string& folder) {
  double quota = 0;
  double period = 0;
  std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;  // -1: no bound
  std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  return quota > 0 && period > 0 ? quota / period : 0;
}

// From the group of the process up to the mount: a parent may be tighter than its child.
double tightest(const std::string& mount, std::string group, double (*read)(const std::string&)) {
  double bound = 0;
  for (;;) {
    const double value = read(mount + group);
    if (value > 0 && (bound == 0 || value < bound)) bound = value;
    if (group.empty()) return bound;
    group.erase(group.rfind('/'));
  }
}

bool lists_cpu(const std::string& controllers) { return ("," + controllers + ",").find(",cpu,") != std::string::npos; }

}  // namespace

double cgroup_quota(const std::string& root) {
#if defined(__linux__)
  double bound = 0;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "id:controllers:/path"
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos || second + 1 >= line.size() || line[second + 1] != '/') continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    if (group == "/" || group.find("/..") != std::string::npos) group.clear();  // "/.." is outside of our namespace
    double value = 0;
    if (controllers.empty()) {
      value = tightest(root + "/sys/fs/cgroup", group, read_v2);
    } else if (lists_cpu(controllers)) {
      value = tightest(root + "/sys/fs/cgroup/cpu", group, read_v1);
    }
    if (value > 0 && (bound == 0 || value < bound)) bound = value;
  }
  return bound;
#else
  static_cast<void>(root);
  return 0;
#endif
}

}  // namespace tidemerge
