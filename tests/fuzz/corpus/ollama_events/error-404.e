{"error":"model \"x\" not found, try pulling it first"}
