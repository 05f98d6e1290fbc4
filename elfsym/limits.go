package elfsym

// What a file may make the package allocate. Real files stay far below: the
// largest seen are browsers' with some 2 million symbols in 300 MB of names.
const (
	maxSections   = 1 << 16   // section headers that are looked at
	maxSegments   = 1 << 12   // program headers
	maxShstrtab   = 16 << 20  // bytes of section names
	maxSymbols    = 8 << 20   // symbols of one table
	maxStrtab     = 512 << 20 // bytes of one string table
	maxNameLen    = 64 << 10  // bytes of one symbol's name
	maxDemangle   = 4 << 10   // bytes of a name that is given to the demangler
	maxNotes      = 1 << 20   // bytes of one note segment
	maxRead       = 64 << 20  // bytes one Text or Read returns
	maxDynamic    = 1 << 20   // bytes of the dynamic section
	maxRelocs     = 512 << 20 // bytes of one relocation section
	maxEHFrame    = 512 << 20 // bytes of .eh_frame
	maxPclntab    = 1 << 30   // bytes of a Go function table
	maxMiniDebug  = 64 << 20  // bytes .gnu_debugdata may unpack to
	maxDebugFile  = 8 << 30   // bytes of a separate debug file
	maxDebugBytes = 2 << 30   // bytes of DWARF that Line unpacks
)
