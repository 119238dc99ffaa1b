[{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}]
