// Images and archives for the tests, written by the libraries that read them
// (CMake options decide which there are).
#ifndef SQUINT_DATA_TEST_FORMATS_H_
#define SQUINT_DATA_TEST_FORMATS_H_

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "squint/data/image.h"
#include "squint/data/test_files.h"

#if SQUINT_HAS_ARCHIVES
#include <zip.h>
#include <zlib.h>
#endif
#if SQUINT_HAS_IMAGES
#include <cstdio>

#include <jpeglib.h>
#include <png.h>
#endif

namespace squint {

#if SQUINT_HAS_ARCHIVES
// A .npz of these members (names without ".npy").
inline void WriteNpz(const std::string& path,
                     const std::map<std::string, std::string>& members,
                     bool deflate = true) {
  int error = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  for (const auto& [name, bytes] : members) {
    zip_source_t* source =
        zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    const auto index = zip_file_add(archive, (name + ".npy").c_str(), source,
                                    ZIP_FL_OVERWRITE);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index),
                             deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  }
  ASSERT_EQ(zip_close(archive), 0);
}

inline std::string Gzipped(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY);
  std::string result(deflateBound(&stream, bytes.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}
#endif

#if SQUINT_HAS_IMAGES
inline std::string Png(const Image& image) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = image.channels == 1   ? PNG_FORMAT_GRAY
               : image.channels == 2 ? PNG_FORMAT_GA
               : image.channels == 3 ? PNG_FORMAT_RGB
                                     : PNG_FORMAT_RGBA;
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&png, nullptr, &size, 0, image.pixels.data(), 0,
                            nullptr);
  std::string result(size, '\0');
  png_image_write_to_memory(&png, result.data(), &size, 0, image.pixels.data(),
                            0, nullptr);
  return result;
}

inline std::string Jpeg(const Image& image) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = image.channels;
  info.in_color_space = image.channels == 1   ? JCS_GRAYSCALE
                        : image.channels == 3 ? JCS_RGB
                                              : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row =
        const_cast<uint8_t*>(image.Row(static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string result(reinterpret_cast<char*>(bytes), size);
  std::free(bytes);
  return result;
}
#endif

// One colour everywhere.
inline Image Flat(int width, int height, std::vector<uint8_t> color) {
  Image image(width, height, static_cast<int>(color.size()));
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = color[i % color.size()];
  }
  return image;
}

}  // namespace squint

#endif  // SQUINT_DATA_TEST_FORMATS_H_
