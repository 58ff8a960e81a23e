// Calibration tables as JSON. Long lists are strings of plain numbers, one
// line each, exact both ways: floats in the shortest form that reads back the
// same, sums as 128-bit integers. A histogram is "bin:count,count,..." for
// each stretch of occupied bins.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "squint/base/json.h"
#include "squint/base/version.h"
#include "squint/calibrate/calibration.h"

namespace squint {
namespace {

constexpr std::string_view kFormat = "squint-calibration";
constexpr int kVersion = 1;

// ---- numbers to text and back

std::string ToText(float value) { return fmt::format("{}", value); }
std::string ToText(ExactSum sum) {
  return fmt::format("{}", static_cast<__int128>(sum.units));
}

template <typename T>
T NumberFrom(std::string_view text) {
  T value{};
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    Fail(ErrorCode::kInvalidArgument, "'{}' is not a number", text);
  }
  return value;
}

void FromText(std::string_view text, float& value) {
  value = NumberFrom<float>(text);
}

void FromText(std::string_view text, ExactSum& sum) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 38 ||
      digits.find_first_not_of("0123456789") != std::string_view::npos) {
    Fail(ErrorCode::kInvalidArgument, "'{}' is not a sum", text);
  }
  unsigned __int128 magnitude = 0;
  for (const char digit : digits) {
    magnitude = magnitude * 10 + static_cast<unsigned>(digit - '0');
  }
  const auto value = static_cast<__int128>(magnitude);
  sum.units = negative ? -value : value;
}

// Calls f for each part between separators; none for an empty text.
template <typename F>
void Split(std::string_view text, char separator, F&& f) {
  while (!text.empty()) {
    const size_t end = text.find(separator);
    f(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

template <typename T>
std::string JoinList(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) {
    if (!text.empty()) text += ' ';
    text += ToText(value);
  }
  return text;
}

template <typename T>
std::vector<T> ParseList(const Json& json) {
  std::vector<T> values;
  Split(json.get_ref<const std::string&>(), ' ',
        [&](std::string_view part) { FromText(part, values.emplace_back()); });
  return values;
}

std::string HistogramText(const Histogram& histogram) {
  std::vector<Histogram::Bin> bins = histogram.Occupied();
  std::ranges::sort(bins, {}, &Histogram::Bin::bin);
  std::string text;
  uint32_t next = Histogram::kBins;
  for (const auto& [bin, count] : bins) {
    if (bin == next) {
      text += fmt::format(",{}", count);
    } else {
      text += fmt::format("{}{}:{}", text.empty() ? "" : " ", bin, count);
    }
    next = bin + 1;
  }
  return text;
}

Histogram ParseHistogram(const Json& json) {
  Histogram histogram;
  Split(json.get_ref<const std::string&>(), ' ', [&](std::string_view run) {
    const size_t colon = run.find(':');
    auto bin = NumberFrom<uint32_t>(run.substr(0, colon));
    if (colon == std::string_view::npos) {
      Fail(ErrorCode::kInvalidArgument, "histogram run '{}' has no counts",
           run);
    }
    Split(run.substr(colon + 1), ',', [&](std::string_view count) {
      if (bin >= Histogram::kBins || (bin & 0x7FFF) >= 0x7F80) {
        Fail(ErrorCode::kInvalidArgument, "histogram bin {} does not exist",
             bin);
      }
      histogram.AddCount(bin++, NumberFrom<uint64_t>(count));
    });
  });
  return histogram;
}

// ---- one value

Json BlocksToJson(const ValueStatistics& statistics) {
  Json blocks = Json::object();
  for (const auto& [block, range] : statistics.blocks) {
    blocks[std::to_string(block)] =
        ToText(range.first) + " " + ToText(range.second);
  }
  return blocks;
}

Json ToJson(const ValueStatistics& statistics) {
  Json json = Json::object();
  json["count"] = statistics.count;
  if (statistics.nans > 0) json["nans"] = statistics.nans;
  if (statistics.infinities > 0) json["infinities"] = statistics.infinities;
  json["minimum"] = ToText(statistics.minimum);
  json["maximum"] = ToText(statistics.maximum);
  json["blocks"] = BlocksToJson(statistics);
  json["histogram"] = HistogramText(statistics.histogram);
  json["channel_axis"] = statistics.channel_axis;
  if (!statistics.channel_sum.empty()) {
    json["channel_count"] = statistics.channel_count;
    json["channel_minimum"] = JoinList(statistics.channel_minimum);
    json["channel_maximum"] = JoinList(statistics.channel_maximum);
    json["channel_sum_2^-44"] = JoinList(statistics.channel_sum);
  }
  return json;
}

float FloatAt(const Json& json, const char* key) {
  float value = 0;
  FromText(json.at(key).get_ref<const std::string&>(), value);
  return value;
}

void ReadBlocks(const Json& json, ValueStatistics& statistics) {
  for (const auto& [key, text] : json.at("blocks").items()) {
    const std::vector<float> range = ParseList<float>(text);
    if (range.size() != 2) {
      Fail(ErrorCode::kInvalidArgument, "block {} has {} bounds, expected 2",
           key, range.size());
    }
    statistics.blocks[NumberFrom<int64_t>(key)] = {range[0], range[1]};
  }
}

// What hand editing breaks first.
void CheckConsistent(const ValueStatistics& statistics) {
  const size_t channels = statistics.channel_sum.size();
  if (statistics.channel_minimum.size() != channels ||
      statistics.channel_maximum.size() != channels) {
    Fail(ErrorCode::kInvalidArgument,
         "the lists of channels have different lengths");
  }
  if (statistics.nans > statistics.count ||
      statistics.infinities > statistics.count - statistics.nans ||
      statistics.histogram.total() != statistics.finite()) {
    Fail(ErrorCode::kInvalidArgument,
         "the histogram does not add up to the count");
  }
  if (!(statistics.minimum <= statistics.maximum) ||
      !std::isfinite(statistics.minimum) ||
      !std::isfinite(statistics.maximum)) {
    Fail(ErrorCode::kInvalidArgument, "minimum {} is not below maximum {}",
         statistics.minimum, statistics.maximum);
  }
}

ValueStatistics StatisticsFromJson(const Json& json) {
  ValueStatistics statistics;
  statistics.count = json.at("count").get<uint64_t>();
  statistics.nans = json.value("nans", uint64_t{0});
  statistics.infinities = json.value("infinities", uint64_t{0});
  statistics.minimum = FloatAt(json, "minimum");
  statistics.maximum = FloatAt(json, "maximum");
  ReadBlocks(json, statistics);
  statistics.histogram = ParseHistogram(json.at("histogram"));
  statistics.channel_axis = json.at("channel_axis").get<int>();
  if (json.contains("channel_sum_2^-44")) {
    statistics.channel_count = json.at("channel_count").get<uint64_t>();
    statistics.channel_minimum = ParseList<float>(json.at("channel_minimum"));
    statistics.channel_maximum = ParseList<float>(json.at("channel_maximum"));
    statistics.channel_sum = ParseList<ExactSum>(json.at("channel_sum_2^-44"));
  }
  CheckConsistent(statistics);
  return statistics;
}

void CheckFormat(const Json& json) {
  if (!json.is_object() || json.value("format", "") != kFormat) {
    Fail(ErrorCode::kInvalidArgument, "is no calibration table");
  }
  const int version = json.at("version").get<int>();
  if (version > kVersion) {
    Fail(ErrorCode::kInvalidArgument,
         "has format version {}, this Squint reads up to {}", version,
         kVersion);
  }
}

Calibration FromJson(const Json& json) {
  CheckFormat(json);
  Calibration calibration;
  calibration.model_hash = json.at("model_hash").get<std::string>();
  for (const auto& [index, hash] : json.at("samples").items()) {
    calibration.samples[NumberFrom<int64_t>(index)] = hash.get<std::string>();
  }
  for (const auto& [name, statistics] : json.at("values").items()) {
    try {
      calibration.values[name] = StatisticsFromJson(statistics);
    } catch (const Error& error) {
      throw error.In(fmt::format("value '{}'", name));
    }
  }
  return calibration;
}

}  // namespace

Calibration ReadCalibration(const std::filesystem::path& path) {
  const Json json = ReadJson(path);
  try {
    return FromJson(json);
  } catch (const Error& error) {
    throw error.In(path.string());
  } catch (const nlohmann::json::exception& error) {
    Fail(ErrorCode::kInvalidArgument, "{}: not a calibration table: {}",
         path.string(), error.what());
  }
}

void WriteCalibration(const std::filesystem::path& path,
                      const Calibration& calibration) {
  Json json = Json::object();
  json["format"] = kFormat;
  json["version"] = kVersion;
  json["tool_version"] = ToolVersion();
  json["model_hash"] = calibration.model_hash;
  Json& samples = json["samples"] = Json::object();
  for (const auto& [index, hash] : calibration.samples) {
    samples[std::to_string(index)] = hash;
  }
  Json& values = json["values"] = Json::object();
  for (const auto& [name, statistics] : calibration.values) {
    values[name] = ToJson(statistics);
  }
  WriteJson(path, json);
}

}  // namespace squint
