namespace squint {}
