// Who owns sessions. A user exists as long as one of them does.
#pragma once

#include "runtime/openclaw.h"

namespace openclaw::service {

struct Session;

// Guarded by UserDirectory's lock in Store.
struct User {
  Member<String> name;
  Vector<Member<Session>> sessions;  // in order of creation
  OPENCLAW_TYPE(User, name, sessions)
};

struct UserDirectory {
  HashMap<Member<String>, Member<User>> byName;
  OPENCLAW_TYPE(UserDirectory, byName)
};

}  // namespace openclaw::service
