// Everything a program needs to live in the heap: include this one.
#pragma once

#include "runtime/containers/array.h"
#include "runtime/containers/hash_map.h"
#include "runtime/containers/string.h"
#include "runtime/containers/vector.h"
#include "runtime/declared_bound.h"
#include "runtime/external_bytes.h"
#include "runtime/heap.h"
#include "runtime/make.h"
#include "runtime/member.h"
#include "runtime/root.h"
#include "runtime/type_table.h"
