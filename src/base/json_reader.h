// JsonReader: reading JSON that somebody else wrote.  Every access checks presence, type and range, and a failure is a
// UserError that names the member by its path: "program.values[3].dtype is missing".
//
// A cheap view: it refers to the Json it was made from, which must outlive it.
#ifndef DRTRITON_BASE_JSON_READER_H_
#define DRTRITON_BASE_JSON_READER_H_

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace drtriton {

class JsonReader {
 public:
  // `path` is how messages call this value: "program", "launch plan".
  JsonReader(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {}

  const Json& json() const { return *json_; }
  const std::string& path() const { return path_; }

  // Throws UserError: "<path> <complaint>".
  [[noreturn]] void Fail(const std::string& complaint) const { throw UserError(path_ + " " + complaint); }

  bool IsNull() const { return json_->is_null(); }
  bool Has(const char* member) const { return json_->is_object() && json_->contains(member); }

  // The member of an object; it has to be there.
  JsonReader At(const char* member) const {
    if (!json_->is_object()) Fail("is not an object");
    const auto found = json_->find(member);
    if (found == json_->end()) throw UserError(path_ + "." + member + " is missing");
    return JsonReader(*found, path_ + "." + member);
  }
  JsonReader At(size_t index) const {
    if (index >= Size()) Fail("has fewer than " + std::to_string(index + 1) + " items");
    return JsonReader((*json_)[index], path_ + "[" + std::to_string(index) + "]");
  }
  // Items of an array.
  size_t Size() const {
    if (!json_->is_array()) Fail("is not an array");
    return json_->size();
  }

  const std::string& String() const {
    if (!json_->is_string()) Fail("is not a string");
    return json_->get_ref<const std::string&>();
  }
  bool Bool() const {
    if (!json_->is_boolean()) Fail("is not true or false");
    return json_->get<bool>();
  }
  // An integer in [least, most].
  int64_t Int(int64_t least = std::numeric_limits<int64_t>::min(),
              int64_t most = std::numeric_limits<int64_t>::max()) const {
    if (!json_->is_number_integer()) Fail("is not an integer");
    const bool too_large = json_->is_number_unsigned() &&
                           json_->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    const int64_t value = too_large ? 0 : json_->get<int64_t>();
    if (too_large || value < least || value > most) Fail("is out of range");
    return value;
  }
  int32_t Int32(int32_t least = std::numeric_limits<int32_t>::min(),
                int32_t most = std::numeric_limits<int32_t>::max()) const {
    return static_cast<int32_t>(Int(least, most));
  }
  double Number() const {
    if (!json_->is_number()) Fail("is not a number");
    return json_->get<double>();
  }
  std::vector<int64_t> Ints(int64_t least = std::numeric_limits<int64_t>::min(),
                            int64_t most = std::numeric_limits<int64_t>::max()) const {
    std::vector<int64_t> ints;
    ints.reserve(Size());
    for (size_t i = 0; i < Size(); ++i) ints.push_back(At(i).Int(least, most));
    return ints;
  }

 private:
  const Json* json_;
  std::string path_;
};

}  // namespace drtriton

#endif  // DRTRITON_BASE_JSON_READER_H_
