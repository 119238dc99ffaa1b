<html>
<head><title>502 Bad Gateway</title></head><body><center>nginx/1.22</center></body></html>
