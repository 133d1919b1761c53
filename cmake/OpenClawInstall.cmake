# Installed package: find_package(OpenClaw) and the Debian package.
