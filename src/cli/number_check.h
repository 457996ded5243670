// Checks of numbers on the command line, with errors that read as sentences.
#ifndef DRTRITON_CLI_NUMBER_CHECK_H_
#define DRTRITON_CLI_NUMBER_CHECK_H_

#include <CLI/CLI.hpp>
#include <cmath>
#include <string>

namespace drtriton {

// A finite number above zero, or also zero; whether it is a number at all is said by the parser.
inline CLI::Validator NumberCheck(bool zero_too) {
  const auto wrong = [zero_too](const std::string& text) -> std::string {
    double number = 0;
    if (!CLI::detail::lexical_cast(text, number) || std::isnan(number)) return "'" + text + "' is not a number";
    if (std::isfinite(number) && (number > 0 || (zero_too && number == 0))) return "";
    return "'" + text + "' is not a finite number " + (zero_too ? "from zero on" : "above zero");
  };
  return CLI::Validator(wrong, "");
}

inline CLI::Validator AboveZero() { return NumberCheck(/*zero_too=*/false); }
inline CLI::Validator FromZero() { return NumberCheck(/*zero_too=*/true); }

}  // namespace drtriton

#endif  // DRTRITON_CLI_NUMBER_CHECK_H_
