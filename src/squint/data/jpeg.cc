// JPEG by libjpeg-turbo, with its default (accurate) transform and fancy
// upsampling, so that pixels equal Pillow's.
#include "squint/base/error.h"
#include "squint/data/image.h"

#if SQUINT_HAS_IMAGES
#include <csetjmp>
#include <cstdio>

#include <jerror.h>
#include <jpeglib.h>
#endif

namespace squint {

#if SQUINT_HAS_IMAGES
namespace {

// libjpeg is C: its errors leave by longjmp, which must not skip a
// destructor. So all between setjmp and the return is plain data, and the
// pixels belong to the caller.
struct Decoder {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

void OnError(j_common_ptr info) {
  auto* decoder = static_cast<Decoder*>(info->client_data);
  info->err->format_message(info, decoder->message);
  std::longjmp(decoder->escape, 1);
}

// libjpeg fills what is missing with gray and only warns: for us a picture
// that ends too early or has undecodable codes is an error.
void OnMessage(j_common_ptr info, int level) {
  if (level >= 0) return;
  const int code = info->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER ||
      code == JWRN_HUFF_BAD_CODE) {
    OnError(info);
  }
}

void OnPrint(j_common_ptr) {}

// Reads the header and chooses the output: gray stays gray, CMYK stays CMYK
// for now, all else becomes RGB. False: message is set.
bool ReadHeader(Decoder* decoder, std::span<const std::byte> bytes) {
  decoder->info.err = jpeg_std_error(&decoder->errors);
  decoder->errors.error_exit = OnError;
  decoder->errors.emit_message = OnMessage;
  decoder->errors.output_message = OnPrint;
  decoder->info.client_data = decoder;
  // Every call from here on may leave by OnError, the first ones included.
  if (setjmp(decoder->escape) != 0) return false;
  jpeg_create_decompress(&decoder->info);
  jpeg_mem_src(&decoder->info,
               reinterpret_cast<const unsigned char*>(bytes.data()),
               static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&decoder->info, TRUE);
  switch (decoder->info.jpeg_color_space) {
    case JCS_GRAYSCALE:
      decoder->info.out_color_space = JCS_GRAYSCALE;
      break;
    case JCS_CMYK:
    case JCS_YCCK:
      decoder->info.out_color_space = JCS_CMYK;
      break;
    default:
      decoder->info.out_color_space = JCS_RGB;
  }
  jpeg_calc_output_dimensions(&decoder->info);
  return true;
}

bool ReadPixels(Decoder* decoder, uint8_t* pixels, size_t row_bytes) {
  if (setjmp(decoder->escape) != 0) return false;
  jpeg_start_decompress(&decoder->info);
  while (decoder->info.output_scanline < decoder->info.output_height) {
    JSAMPROW row = pixels + decoder->info.output_scanline * row_bytes;
    jpeg_read_scanlines(&decoder->info, &row, 1);
  }
  jpeg_finish_decompress(&decoder->info);
  return true;
}

// Adobe writes CMYK inverted: 255 means no ink.
Image CmykToRgb(const Image& cmyk, bool inverted) {
  Image rgb(cmyk.width, cmyk.height, 3);
  const size_t count = cmyk.pixels.size() / 4;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* p = &cmyk.pixels[4 * i];
    const int paper = inverted ? p[3] : 255 - p[3];
    for (size_t c = 0; c < 3; ++c) {
      const int light = inverted ? p[c] : 255 - p[c];
      rgb.pixels[3 * i + c] = static_cast<uint8_t>((light * paper + 127) / 255);
    }
  }
  return rgb;
}

// Frees libjpeg's memory on every way out.
struct DecoderScope {
  Decoder decoder{};
  ~DecoderScope() { jpeg_destroy_decompress(&decoder.info); }
};

[[noreturn]] void FailDamaged(const Decoder& decoder, const std::string& file) {
  Fail(ErrorCode::kInvalidArgument, "{}: damaged or cut off JPEG: {}", file,
       decoder.message);
}

}  // namespace

Image DecodeJpeg(std::span<const std::byte> bytes, const std::string& file) {
  DecoderScope scope;
  Decoder& decoder = scope.decoder;
  if (!ReadHeader(&decoder, bytes)) FailDamaged(decoder, file);
  const jpeg_decompress_struct& info = decoder.info;
  // A block of 8 x 8 pixels takes at least one bit: 512 pixels a byte.
  CheckPixels(info.output_width, info.output_height, bytes.size(), 512, file);
  const int channels = info.out_color_space == JCS_GRAYSCALE ? 1
                       : info.out_color_space == JCS_CMYK    ? 4
                                                             : 3;
  Image image(static_cast<int>(info.output_width),
              static_cast<int>(info.output_height), channels);
  if (!ReadPixels(&decoder, image.pixels.data(), image.RowBytes())) {
    FailDamaged(decoder, file);
  }
  return channels == 4 ? CmykToRgb(image, info.saw_Adobe_marker != 0) : image;
}

#else  // !SQUINT_HAS_IMAGES

Image DecodeJpeg(std::span<const std::byte>, const std::string& file) {
  Fail(ErrorCode::kUnsupported,
       "{}: this build cannot read JPEG; configure with -DSQUINT_IMAGES=ON",
       file);
}

#endif

}  // namespace squint
