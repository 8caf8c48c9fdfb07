#pragma once

// Threads of the library: named for debuggers, and deaf to signals, so that those of the host process are
// delivered to its own threads.

#include <functional>
#include <thread>

namespace tidemerge {

// `name` has at most 15 characters. Throws ERR_OUT_OF_MEMORY when the system gives no thread.
std::thread start_thread(const char* name, std::function<void()> body);

// How many threads compute well here: the processors this process may use, and no more than the whole
// processors of its cgroup quota (a fraction more would be paid for in throttled pauses). At least 1.
int default_thread_count();

}  // namespace tidemerge
