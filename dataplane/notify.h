// Telling a service manager that waits for it (systemd's protocol: NOTIFY_SOCKET).
#pragma once

// "READY=1", "STOPPING=1", ... Without a service manager nothing happens.
void dp_notify(const char *state);
