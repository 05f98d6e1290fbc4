package elfsym

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// unpackXZ unpacks an xz stream (xz-file-format 1.2.1) to at most limit
// bytes. The container is read here because package xz allocates whatever
// dictionary a block header asks for, up to 4 GiB; the LZMA2 data inside is
// the package's.
func unpackXZ(packed []byte, limit int) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("%w: xz: %v", ErrMalformed, p)
		}
	}()
	const headerLen = 12
	if len(packed) < headerLen || string(packed[:6]) != "\xfd7zXZ\x00" || packed[6] != 0 {
		return nil, fmt.Errorf("%w: no xz stream", ErrMalformed)
	}
	check := packed[7]
	for rest := packed[headerLen:]; ; {
		if len(rest) == 0 {
			return nil, fmt.Errorf("%w: xz stream without index", ErrMalformed)
		}
		if rest[0] == 0 { // the index, after the last block
			return out, nil
		}
		block, n, err := unpackBlock(rest, check, limit-len(out))
		if err != nil {
			return nil, fmt.Errorf("%w: xz: %w", ErrMalformed, err)
		}
		out, rest = append(out, block...), rest[n:]
	}
}

// unpackBlock unpacks the block at the start of data and returns how long it
// is, with its check.
func unpackBlock(data []byte, check byte, limit int) (out []byte, n int, err error) {
	header := (int(data[0]) + 1) * 4
	if header > len(data) {
		return nil, 0, io.ErrUnexpectedEOF
	}
	dict, err := blockDict(data[:header])
	if err != nil {
		return nil, 0, err
	}
	// No match reaches back beyond the output.
	conf := lzma.Reader2Config{DictCap: int(max(lzma.MinDictCap, min(dict, int64(limit))))}
	in := bytes.NewReader(data[header:])
	r, err := conf.NewReader2(in)
	if err != nil {
		return nil, 0, err
	}
	out, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, 0, err
	}
	if len(out) > limit {
		return nil, 0, fmt.Errorf("unpacks to more than the limit")
	}
	n = (len(data) - in.Len() + 3) &^ 3
	size, err := verifyBlock(out, data[min(n, len(data)):], check)
	return out, n + size, err
}

// blockDict returns the size of the dictionary from a block header whose only
// filter is LZMA2.
func blockDict(h []byte) (int64, error) {
	body := h[:len(h)-4]
	if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(h[len(body):]) {
		return 0, fmt.Errorf("block header has another checksum")
	}
	flags, p := h[1], 2
	if flags&0x3f != 0 {
		return 0, fmt.Errorf("block flags %#x", flags)
	}
	for _, bit := range []byte{0x40, 0x80} { // sizes, not needed here
		if flags&bit != 0 {
			_, w := binary.Uvarint(body[p:])
			if w <= 0 {
				return 0, io.ErrUnexpectedEOF
			}
			p += w
		}
	}
	if p+3 > len(body) || body[p] != 0x21 || body[p+1] != 1 {
		return 0, fmt.Errorf("filter that is not LZMA2")
	}
	return lzma.DecodeDictCap(body[p+2])
}

// verifyBlock compares a block with the check that follows it and returns the
// check's length.
func verifyBlock(out, stored []byte, check byte) (int, error) {
	sizes := [16]int{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}
	size := sizes[check&15]
	if size > len(stored) {
		return 0, io.ErrUnexpectedEOF
	}
	same := true
	switch check {
	case 1:
		same = crc32.ChecksumIEEE(out) == binary.LittleEndian.Uint32(stored)
	case 4:
		same = crc64.Checksum(out, crc64.MakeTable(crc64.ECMA)) == binary.LittleEndian.Uint64(stored)
	}
	if !same {
		return 0, fmt.Errorf("block has another checksum")
	}
	return size, nil
}
