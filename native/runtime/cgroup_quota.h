#pragma once

#include <string>

namespace tidemerge {

// Processors the control groups of this process allow (2.5 for example), 0 when they set no bound.
// Both versions of cgroups are read; of nested groups the tightest counts. `root` is where the file
// system starts: tests give their own.
double cgroup_quota(const std::string& root = "");

}  // namespace tidemerge
