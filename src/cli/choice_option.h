// An option whose value is one of a few words.
#ifndef DRTRITON_CLI_CHOICE_OPTION_H_
#define DRTRITON_CLI_CHOICE_OPTION_H_

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace drtriton {

// The words in the order of the help, each with the value that it stands for.
template <typename Value>
using Choices = std::vector<std::pair<std::string, Value>>;

// Adds option `name`; a chosen word puts its value into `value`, any other word is a usage error that names them all.
template <typename Value>
CLI::Option* AddChoice(CLI::App& app, const std::string& name, Value& value, const Choices<Value>& choices,
                       const std::string& help) {
  std::string words;
  std::string type;
  for (const auto& [word, chosen] : choices) {
    words += (words.empty() ? "" : ", ") + word;
    type += (type.empty() ? "{" : ",") + word;
  }
  const auto index_of = [choices](const std::string& word) {
    const auto is_word = [&](const auto& choice) { return choice.first == word; };
    return static_cast<size_t>(std::find_if(choices.begin(), choices.end(), is_word) - choices.begin());
  };
  const auto unknown = [=](const std::string& word) {
    return index_of(word) < choices.size() ? "" : "'" + word + "' is not one of " + words;
  };
  const auto choose = [=, &value](const std::string& word) { value = choices[index_of(word)].second; };
  return app.add_option_function<std::string>(name, choose, help)->check(CLI::Validator(unknown, type + "}"));
}

}  // namespace drtriton

#endif  // DRTRITON_CLI_CHOICE_OPTION_H_
