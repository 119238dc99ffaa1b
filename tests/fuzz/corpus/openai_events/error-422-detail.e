{"detail":[{"loc":["body","model"],"msg":"field required","type":"value_error"},{"loc":["body","n"],"msg":"bad"}]}
